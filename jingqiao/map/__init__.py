"""The city on a map: covers by state in clusters, and the lines and areas that were imported."""
