"""The machinery: database, jobs, events, vault, blobs, limits, telemetry. Knows no business."""
