"""Views of One block by hand."""
