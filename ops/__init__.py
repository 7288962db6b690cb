"""Running Jasmine beside real parts: Kafka, Redis, containers, Prometheus."""
