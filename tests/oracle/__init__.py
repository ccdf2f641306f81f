"""Our view of the captures against tshark's, and both against what the fixtures hold."""
