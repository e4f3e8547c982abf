"""The chaos run: everything is killed, restarted and starved while reports flow; then all is accounted for."""
