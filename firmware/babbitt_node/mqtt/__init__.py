"""MQTT 3.1.1: the pure codec (`packets`) and the node's client (`client`)."""
