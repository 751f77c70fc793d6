"""Natural frequencies of bridges from raw acceleration; needs the extra `modal` (pyOMA-2)."""
