"""The pages, run by Streamlit: ``briefs serve``, or ``streamlit run ui/app.py``."""

from ui.view.frame import show

show()
