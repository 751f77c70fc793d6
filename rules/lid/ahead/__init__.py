"""What lid sensors will remember before each of their next readings, if nothing befalls them."""
