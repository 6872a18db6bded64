"""The demo: the product's main job, performed over its public API."""
