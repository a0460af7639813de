"""What answers: bundles as they are served, histories, and lists made of them."""
