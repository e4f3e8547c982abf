{{/*
Combinations that would be wrong in a cluster, refused while rendering; each message names the remedy.
What one value may be is said by values.schema.json; here is what values mean together.
*/}}
{{- define "oncofhir.refusals" -}}
{{- $v := .Values -}}
{{- $server := include "oncofhir.modelServer" . -}}
{{- $kafkaTls := hasSuffix "SSL" $v.kafka.securityProtocol -}}
{{- $kafkaSasl := hasPrefix "SASL_" $v.kafka.securityProtocol -}}

{{- if not $v.image.repository }}
{{- fail "image.repository is empty: build the image with the Containerfile, push it, and set image.repository (and image.digest)" }}
{{- end }}
{{- if not $v.kafka.bootstrapServers }}
{{- fail "kafka.bootstrapServers is empty: set it to host:port of your brokers, such as my-cluster-kafka-bootstrap.kafka.svc:9093" }}
{{- end }}
{{- if not $v.fhir.baseUrl }}
{{- fail "fhir.baseUrl is empty: set it to the base URL of the clinical data store, such as https://fhir.hospital.example/fhir" }}
{{- end }}
{{- if not $v.fhir.identifierSystem }}
{{- fail "fhir.identifierSystem is empty: set it to a URI that you own; it prefixes the identifiers of all that is written and must never change afterwards" }}
{{- end }}

{{- if and (not $kafkaTls) (not (has "kafka" $v.allowPlaintext)) }}
{{- fail (printf "kafka.securityProtocol %s sends reports unencrypted: set it to SSL or SASL_SSL, or add kafka to allowPlaintext if the network itself encrypts" $v.kafka.securityProtocol) }}
{{- end }}
{{- range $url := list $v.fhir.baseUrl $v.fhir.sourceBaseUrl }}
{{- if and (hasPrefix "http://" $url) (not (has "fhir" $v.allowPlaintext)) }}
{{- fail (printf "%s is not encrypted: use an https:// URL, or add fhir to allowPlaintext if the network itself encrypts" $url) }}
{{- end }}
{{- end }}
{{- if and (hasPrefix "http://" (include "oncofhir.modelUrl" .)) (not (has "model" $v.allowPlaintext)) }}
{{- if $server }}
{{- fail "report text would cross the cluster unencrypted on its way to the model server: set model.server.tls.secretName, or add model to allowPlaintext if the network itself encrypts" }}
{{- else }}
{{- fail "model.external.url is not encrypted: use an https:// URL, or add model to allowPlaintext if the network itself encrypts" }}
{{- end }}
{{- end }}

{{- if $kafkaSasl }}
{{- if not (and $v.kafka.sasl.mechanism $v.kafka.sasl.username $v.kafka.sasl.passwordSecret.name) }}
{{- fail (printf "kafka.securityProtocol is %s: set kafka.sasl.mechanism, kafka.sasl.username and kafka.sasl.passwordSecret.name, or choose SSL with kafka.tls.clientSecret" $v.kafka.securityProtocol) }}
{{- end }}
{{- else if or $v.kafka.sasl.mechanism $v.kafka.sasl.username $v.kafka.sasl.passwordSecret.name }}
{{- fail (printf "kafka.sasl is set but kafka.securityProtocol is %s, which would ignore it: set kafka.securityProtocol to SASL_SSL, or empty kafka.sasl" $v.kafka.securityProtocol) }}
{{- end }}
{{- if and (not $kafkaTls) (or $v.kafka.tls.caSecret.name $v.kafka.tls.clientSecret.name) }}
{{- fail (printf "kafka.tls is set but kafka.securityProtocol is %s, which would ignore it: set kafka.securityProtocol to SSL or SASL_SSL, or empty kafka.tls" $v.kafka.securityProtocol) }}
{{- end }}

{{- if and $v.fhir.sourceTokenSecret.name (not $v.fhir.sourceBaseUrl) }}
{{- fail "fhir.sourceTokenSecret is set without fhir.sourceBaseUrl: set fhir.sourceBaseUrl, or use fhir.tokenSecret for the one FHIR server" }}
{{- end }}

{{- if and (eq $v.model.kind "tgi") (contains "huggingface/text-generation-inference" $v.model.server.image.repository) }}
{{- fail "the upstream TGI image starts as root only (its Python lies in root's home, upstream issue 3082), and this chart runs as another user: build image/tgi/Containerfile, push it and set model.server.image, or set model.kind to vllm" }}
{{- end }}

{{- $smart := or $v.fhir.smart.clientId $v.fhir.smart.tokenUrl $v.fhir.smart.tokenAudience $v.fhir.smart.keyId $v.fhir.smart.privateKeySecret.name }}
{{- if and $smart (not (and $v.fhir.smart.clientId $v.fhir.smart.privateKeySecret.name)) }}
{{- fail "fhir.smart is incomplete: set fhir.smart.clientId and fhir.smart.privateKeySecret.name, or empty fhir.smart" }}
{{- end }}
{{- if and $smart $v.fhir.tokenSecret.name }}
{{- fail "fhir.tokenSecret and fhir.smart are both set: set fhir.tokenSecret.name to nothing, or empty fhir.smart" }}
{{- end }}

{{- if $server }}
{{- if $v.model.external.url }}
{{- fail (printf "model.external.url is set and model.kind is %s: set model.kind to external, or empty model.external.url" $v.model.kind) }}
{{- end }}
{{- if not $v.model.server.image.repository }}
{{- fail (printf "model.kind %s needs an image: set model.server.image.repository and model.server.image.digest" $v.model.kind) }}
{{- end }}
{{- if not (or $v.model.server.image.digest $v.model.server.image.tag) }}
{{- fail "model.server.image has neither digest nor tag: set model.server.image.digest (or .tag), so that the model's server does not change unseen" }}
{{- end }}
{{- if not $v.model.server.weights.claimName }}
{{- fail "model.server.weights.claimName is empty: create a PersistentVolumeClaim with the weights (safetensors) and name it there; nothing is downloaded" }}
{{- end }}
{{- if ge (int $v.model.server.maxInputTokens) (int $v.model.server.maxTotalTokens) }}
{{- fail (printf "model.server.maxInputTokens (%d) leaves no room for an answer: set model.server.maxTotalTokens above it by at least 50" (int $v.model.server.maxInputTokens)) }}
{{- end }}
{{- if and (eq $v.model.kind "tgi") $v.model.server.tls.secretName }}
{{- if not $v.model.server.tls.proxyImage.repository }}
{{- fail "TGI speaks no TLS itself: set model.server.tls.proxyImage.repository to an image of ghostunnel, which ends TLS in the same pod" }}
{{- end }}
{{- if not (or $v.model.server.tls.proxyImage.digest $v.model.server.tls.proxyImage.tag) }}
{{- fail "model.server.tls.proxyImage has neither digest nor tag: set model.server.tls.proxyImage.digest (or .tag)" }}
{{- end }}
{{- end }}
{{- else }}
{{- if not $v.model.external.url }}
{{- fail "model.external.url is empty: set it to your model server's URL, or set model.kind to tgi or vllm to run one here" }}
{{- end }}
{{- if or $v.model.server.weights.claimName $v.model.server.tls.secretName }}
{{- fail "model.server is set but model.kind is external, which runs no server: set model.kind to tgi or vllm, or empty model.server" }}
{{- end }}
{{- end }}

{{- if gt (int (include "oncofhir.maxWorkers" .)) (int $v.kafka.partitions) }}
{{- $which := ternary "worker.replicas" "autoscaling.maxReplicas" (eq $v.autoscaling.kind "none") }}
{{- fail (printf "%s is %s but the input topics have %d partitions, so the rest would idle: lower it, or add partitions and raise kafka.partitions" $which (include "oncofhir.maxWorkers" .) (int $v.kafka.partitions)) }}
{{- end }}
{{- if ne $v.autoscaling.kind "none" }}
{{- if gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas) }}
{{- fail "autoscaling.minReplicas is above autoscaling.maxReplicas: lower the one or raise the other" }}
{{- end }}
{{- if and (eq $v.autoscaling.kind "keda") (gt (int $v.autoscaling.fallbackReplicas) (int $v.autoscaling.maxReplicas)) }}
{{- fail "autoscaling.fallbackReplicas is above autoscaling.maxReplicas: lower it to at most autoscaling.maxReplicas" }}
{{- end }}
{{- end }}

{{- if $v.networkPolicy.enabled }}
{{- range $name := ternary (list "kafka" "fhir") (list "kafka" "fhir" "model") (eq $server "true") }}
{{- if not (get $v.networkPolicy $name).to }}
{{- fail (printf "networkPolicy.%s.to is empty, so the policy would cut the worker off: name the pods (namespaceSelector, podSelector) or addresses (ipBlock) of it, or set networkPolicy.enabled to false" $name) }}
{{- end }}
{{- end }}
{{- if and $v.tracing.endpoint (not $v.networkPolicy.tracing.to) }}
{{- fail "tracing.endpoint is set but networkPolicy.tracing.to is empty, so the policy would cut the workers off from the collector: name its pods or addresses there" }}
{{- end }}
{{- if and (ne $v.monitoring.kind "none") (not $v.networkPolicy.metricsFrom) }}
{{- fail "monitoring.kind is set but networkPolicy.metricsFrom is empty, so Prometheus would be kept out: name its namespace in networkPolicy.metricsFrom" }}
{{- end }}
{{- end }}

{{- if and $v.tracing.metrics (not $v.tracing.endpoint) }}
{{- fail "tracing.metrics is set without tracing.endpoint: set tracing.endpoint to the collector's base URL" }}
{{- end }}

{{- if $v.strimzi.enabled }}
{{- if not $v.strimzi.cluster }}
{{- fail "strimzi.enabled needs strimzi.cluster: set it to the name of your Kafka resource" }}
{{- end }}
{{- if ne $v.kafka.securityProtocol "SSL" }}
{{- fail (printf "strimzi.enabled makes a KafkaUser with a TLS certificate but kafka.securityProtocol is %s: set it to SSL, with a listener of type tls in bootstrapServers" $v.kafka.securityProtocol) }}
{{- end }}
{{- if and $v.strimzi.namespace (ne $v.strimzi.namespace .Release.Namespace) (not (and $v.kafka.tls.clientSecret.name $v.kafka.tls.caSecret.name)) }}
{{- fail (printf "Strimzi puts the user's secret into the namespace %s, where these pods cannot mount it: copy it and the cluster CA here and set kafka.tls.clientSecret and kafka.tls.caSecret, or install the release there" $v.strimzi.namespace) }}
{{- end }}
{{- end }}
{{- if and $v.smokeTest.enabled $v.fhir.sourceBaseUrl }}
{{- fail "smokeTest publishes a report that fhir.sourceBaseUrl does not have, so the worker would not read it: set smokeTest.enabled to false" }}
{{- end }}
{{- include "oncofhir.bridgeRefusals" . }}
{{- include "oncofhir.backfillRefusals" . }}
{{- include "oncofhir.reviewRefusals" . }}
{{- range $name, $_ := $v.worker.env }}
{{- if not (regexMatch "^ONCOFHIR_[A-Z_0-9]+$" $name) }}
{{- fail (printf "worker.env.%s is no setting of oncofhir: use a name that 'oncofhir config show' lists, or put it into worker.extraEnv" $name) }}
{{- end }}
{{- if regexMatch "(TOKEN|PASSWORD|SECRET)$" $name }}
{{- fail (printf "worker.env.%s looks like a secret: put it into a Secret and name that in kafka.sasl.passwordSecret, fhir.tokenSecret or model.external.tokenSecret" $name) }}
{{- end }}
{{- end }}
{{- end }}
