"""`oncofhir model serve`: a CPU server that speaks Text Generation Inference's HTTP API over llama.cpp."""
