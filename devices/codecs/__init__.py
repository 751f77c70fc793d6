"""Vendor codecs: from the bytes of an uplink to readings, strict, one module per family of models."""
