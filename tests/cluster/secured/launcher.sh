#!/bin/sh
# Stands in for TGI's launcher: it wants a GPU and the options that the chart gives, and listens when it is warm.
set -eu
: "${NVIDIA_VISIBLE_DEVICES:?the container was given no GPU}"
for argument; do
  case "$argument" in
    --model-id=*) model=${argument#*=} ;;
    --hostname=*) host=${argument#*=} ;;
    --port=*) port=${argument#*=} ;;
    --max-input-tokens=* | --max-total-tokens=* | --max-concurrent-requests=* | --num-shard=* | --usage-stats=off | --json-output) ;;
    *) echo "text-generation-launcher: $argument is unknown" >&2; exit 2 ;;
  esac
done
sleep 25
exec /opt/oncofhir/bin/python -m oncofhir.testing.scripted_model \
  --script "$model/script.json" --model-id "$model" --host "$host" --port "$port"
