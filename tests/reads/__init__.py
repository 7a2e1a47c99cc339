"""What is asked of the store and a worker's replica."""
