"""A new plugin from templates: `plugins new NAME`."""
