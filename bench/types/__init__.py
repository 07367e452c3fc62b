"""The sensor types of the load, given to the processes through AEDILIS_SENSOR_TYPES."""
