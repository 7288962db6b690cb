"""The stream: transport, processing, agents, settings, rebuild, command line."""
