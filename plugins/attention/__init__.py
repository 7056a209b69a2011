"""Look where it matters: models that attend to a part of their input."""
