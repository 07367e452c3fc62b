"""What publishes as devices do: the replay of recorded files, and a simulated city.

    chance ─▶ weather ─▶ stations, masts, rivers, markets (each a part) ─▶ city ─▶ run ─▶ publisher
    layout ────┘  habits ──┘          script, incidents ─────────────────────┘

`publisher` is the MQTT side, `pace` says when a message is due, `replay` reads CSV files, `city` invents, `run` publishes
the city and `memory` keeps how far it came. Not here: anything that the line itself needs.
"""
