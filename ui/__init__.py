"""What the pages share: shared state, look, loaders, views and the display of errors."""
