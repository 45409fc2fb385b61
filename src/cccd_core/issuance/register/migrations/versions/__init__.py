"""One file a version. What is here is never changed: databases were made by it."""
