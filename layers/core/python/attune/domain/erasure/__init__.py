"""What is somebody's in each store, how it goes, the receipt, and the search for what is left."""
