import json
import time

import machine

with open("board.json") as file:
    led = json.load(file)["babbitt"].get("led")
if led is not None:
    pin = machine.Pin(led, machine.Pin.OUT)
    for _ in range(seconds * 2):
        pin(1)
        time.sleep(0.25)
        pin(0)
        time.sleep(0.25)
print(json.dumps({"led": led}))
