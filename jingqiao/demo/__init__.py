"""`jingqiao demo`: three weeks of a city in a few minutes, with everything real but the sensors."""
