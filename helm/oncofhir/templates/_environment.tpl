{{/* A backfill topic: the arguments are kafka.topics and diagnosticReport or documentReference. Its name was ...History until 0.2. */}}
{{- define "oncofhir.backfillTopic" -}}
{{- $topics := index . 0 -}}
{{- $kind := index . 1 -}}
{{- default (get $topics (printf "%sHistory" $kind)) (get $topics (printf "%sBackfill" $kind)) -}}
{{- end }}

{{/*
The settings of oncofhir (oncofhir/settings) as environment variables. A setting whose value is
empty is left out and has the software's default. worker.env adds any other setting.
*/}}
{{- define "oncofhir.environment" -}}
{{- $v := .Values -}}
{{- $env := dict
  "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS" $v.kafka.bootstrapServers
  "ONCOFHIR_KAFKA__GROUP_ID" $v.kafka.groupId
  "ONCOFHIR_KAFKA__DIAGNOSTIC_REPORT_TOPIC" $v.kafka.topics.diagnosticReport
  "ONCOFHIR_KAFKA__DOCUMENT_REFERENCE_TOPIC" $v.kafka.topics.documentReference
  "ONCOFHIR_KAFKA__DIAGNOSTIC_REPORT_BACKFILL_TOPIC" (include "oncofhir.backfillTopic" (list $v.kafka.topics "diagnosticReport"))
  "ONCOFHIR_KAFKA__DOCUMENT_REFERENCE_BACKFILL_TOPIC" (include "oncofhir.backfillTopic" (list $v.kafka.topics "documentReference"))
  "ONCOFHIR_KAFKA__PHENOTYPE_TOPIC" $v.kafka.topics.phenotype
  "ONCOFHIR_KAFKA__OUTCOME_TOPIC" $v.kafka.topics.outcome
  "ONCOFHIR_KAFKA__DEAD_LETTER_TOPIC" $v.kafka.topics.deadLetter
  "ONCOFHIR_KAFKA__SECURITY_PROTOCOL" $v.kafka.securityProtocol
  "ONCOFHIR_KAFKA__SASL_MECHANISM" $v.kafka.sasl.mechanism
  "ONCOFHIR_KAFKA__SASL_USERNAME" $v.kafka.sasl.username
  "ONCOFHIR_KAFKA__MAX_REQUEST_BYTES" (int64 $v.kafka.maxRequestBytes)
  "ONCOFHIR_KAFKA__SESSION_TIMEOUT_MS" (int64 $v.kafka.sessionTimeoutMs)
  "ONCOFHIR_FHIR__BASE_URL" $v.fhir.baseUrl
  "ONCOFHIR_FHIR__SOURCE_BASE_URL" $v.fhir.sourceBaseUrl
  "ONCOFHIR_FHIR__IDENTIFIER_SYSTEM" $v.fhir.identifierSystem
  "ONCOFHIR_FHIR__CLIENT_ID" $v.fhir.smart.clientId
  "ONCOFHIR_FHIR__TOKEN_URL" $v.fhir.smart.tokenUrl
  "ONCOFHIR_FHIR__TOKEN_AUDIENCE" $v.fhir.smart.tokenAudience
  "ONCOFHIR_FHIR__KEY_ID" $v.fhir.smart.keyId
  "ONCOFHIR_FHIR__SOURCE_NAME" $v.fhir.sourceName
  "ONCOFHIR_FHIR__ORGANIZATION" $v.fhir.organization
  "ONCOFHIR_FHIR__WRITE" $v.fhir.write
  "ONCOFHIR_FHIR__OBSERVATION_STATUS" $v.fhir.observationStatus
  "ONCOFHIR_FHIR__VERIFICATION_STATUS" $v.fhir.verificationStatus
  "ONCOFHIR_FHIR__CONDITION_CATEGORY" $v.fhir.conditionCategory
  "ONCOFHIR_FHIR__STAGING_SYSTEM" $v.fhir.stagingSystem
  "ONCOFHIR_FHIR__MAX_CONNECTIONS" (int64 $v.fhir.maxConnections)
  "ONCOFHIR_MODEL__URL" (include "oncofhir.modelUrl" .)
  "ONCOFHIR_MODEL__RESOLVE_REPLICAS" (ternary "true" "" (eq (include "oncofhir.modelServer" .) "true"))
  "ONCOFHIR_MODEL__API" (include "oncofhir.modelApi" .)
  "ONCOFHIR_MODEL__PROMPT_SET" $v.model.promptSet
  "ONCOFHIR_MODEL__NAME" (ternary "" $v.model.external.name (eq (include "oncofhir.modelServer" .) "true"))
  "ONCOFHIR_MODEL__DIGEST" (ternary "" $v.model.external.digest (eq (include "oncofhir.modelServer" .) "true"))
  "ONCOFHIR_MODEL__ALLOW_UNDETERMINED_DIGEST" (ternary "true" "" $v.model.allowUndeterminedDigest)
  "ONCOFHIR_MODEL__TIMEOUT_SECONDS" (int64 $v.model.timeoutSeconds)
  "ONCOFHIR_MODEL__MAX_CONCURRENCY" (int64 $v.model.maxConcurrency)
  "ONCOFHIR_TRACING__ENDPOINT" $v.tracing.endpoint
  "ONCOFHIR_TRACING__SAMPLE_RATIO" (ternary $v.tracing.sampleRatio "" (ne $v.tracing.endpoint ""))
  "ONCOFHIR_TRACING__METRICS" (ternary "true" "" $v.tracing.metrics)
  "ONCOFHIR_HTTP__PORT" (int64 $v.worker.httpPort)
  "ONCOFHIR_LOG__LEVEL" $v.worker.logLevel
  "ONCOFHIR_LOG__FORMAT" "json"
  "ONCOFHIR_SHUTDOWN_TIMEOUT_SECONDS" (int64 $v.worker.drainSeconds)
-}}
{{- $root := include "oncofhir.fileRoot" . -}}
{{- $paths := dict
  "kafka-password/password" "ONCOFHIR_KAFKA__SASL_PASSWORD_FILE"
  "kafka-ca/ca.crt" "ONCOFHIR_KAFKA__SSL_CA_FILE"
  "kafka-client/tls.crt" "ONCOFHIR_KAFKA__SSL_CERTIFICATE_FILE"
  "kafka-client/tls.key" "ONCOFHIR_KAFKA__SSL_KEY_FILE"
  "fhir-token/token" "ONCOFHIR_FHIR__TOKEN_FILE"
  "fhir-key/private-key" "ONCOFHIR_FHIR__PRIVATE_KEY_FILE"
  "fhir-source-token/token" "ONCOFHIR_FHIR__SOURCE_TOKEN_FILE"
  "fhir-ca/ca.crt" "ONCOFHIR_FHIR__CA_FILE"
  "model-token/token" "ONCOFHIR_MODEL__TOKEN_FILE"
  "model-ca/ca.crt" "ONCOFHIR_MODEL__CA_FILE"
-}}
{{- range $file := include "oncofhir.workerFiles" . | fromYamlArray }}
{{- range $item := $file.items }}
{{- $path := printf "%s/%s" $file.name $item.path }}
{{- $_ := set $env (get $paths $path) (printf "%s/%s" $root $path) }}
{{- end }}
{{- end }}
{{- if and $v.fhir.sourceBaseUrl $v.fhir.caSecret.name }}
{{- $_ := set $env "ONCOFHIR_FHIR__SOURCE_CA_FILE" (printf "%s/fhir-ca/ca.crt" $root) }}
{{- end }}
{{- range $name, $value := $v.worker.env }}
{{- $_ := set $env $name $value }}
{{- end }}
{{- range $name, $value := $env }}
{{- if ne (toString $value) "" }}
{{ $name }}: {{ $value | toString | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "oncofhir.workerFiles" -}}
{{- include "oncofhir.kafkaFiles" (dict "root" . "own" dict "user" "") }}
{{- include "oncofhir.fhirFiles" . }}
{{- include "oncofhir.modelFiles" . }}
{{- end }}
