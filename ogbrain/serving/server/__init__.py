"""A development server that speaks TensorFlow Serving's protocol. Imports no TensorFlow."""
