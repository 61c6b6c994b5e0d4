"""The pages, run by Streamlit inside ``briefs serve``, which says who is asking."""

from ui.view.frame import show

show()
