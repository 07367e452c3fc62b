"""What publishes as devices do: the replay of recorded files, and a simulated city.

`publisher` is the MQTT side, `replay` reads CSV files, `city` invents. Not here: anything that the line itself needs.
"""
