"""The chat page, run by Streamlit: ``briefs serve``, or ``streamlit run ui/app.py``."""

from ui.view.page import show_page

show_page()
