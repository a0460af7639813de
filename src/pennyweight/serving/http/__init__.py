"""HTTP: the application, its schemas, its limits and its errors."""
