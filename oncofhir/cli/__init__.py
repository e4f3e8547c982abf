"""The commands: they read arguments, compose the rooms and print; they hold no logic of their own."""
