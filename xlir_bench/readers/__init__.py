"""Task card to collection: find the files, check them, read them."""
