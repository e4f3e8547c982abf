"""OpenTelemetry: traces and metrics over OTLP/HTTP. Only modules named `otlp_…` import the SDK, an extra."""
