"""PATH arguments of commands: resources and documents in files, folders and standard input."""
