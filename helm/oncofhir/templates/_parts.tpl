{{/* Used by model-server.yaml. */}}
{{- define "oncofhir.modelProbes" -}}
{{- $scheme := ternary "HTTPS" "HTTP" (ne .Values.model.server.tls.secretName "") -}}
{{- $get := printf "{path: /health, port: %s, scheme: %s}" (include "oncofhir.modelPort" .) $scheme -}}
# Loading weights takes minutes; /health answers 200 only when the model does.
startupProbe:
  httpGet: {{ $get }}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: {{ mul .Values.model.server.loadMinutes 6 }}
livenessProbe:
  httpGet: {{ $get }}
  periodSeconds: 30
  timeoutSeconds: 20
  failureThreshold: 5
readinessProbe:
  httpGet: {{ $get }}
  periodSeconds: 10
  timeoutSeconds: 10
  # TGI compiles a grammar at its first use for half a minute, in which /health waits: it stays ready.
  failureThreshold: 6
{{- end }}

{{/*
Starts the server under a name that holds the digest of its weights, for no server reports one of local weights.
TGI takes the name from the path. It writes its tokenizer to the working directory; where it cannot, it answers
wrong token offsets.
*/}}
{{- define "oncofhir.modelCommand" -}}
{{- $s := .Values.model.server -}}
{{- $digest := ternary $s.digest "$(cat /identity/digest)" (ne $s.digest "") -}}
name="{{ $s.name }}@sha256-{{ $digest }}"
{{- if eq .Values.model.kind "tgi" }}
mkdir -p /tmp/model
ln -sfn /weights "/tmp/model/$name"
exec text-generation-launcher "--model-id=/tmp/model/$name" "$@"
{{- else }}
exec vllm serve /weights "--served-model-name=$name" "$@"
{{- end }}
{{- end }}

{{/* Used by network-policy.yaml. */}}
{{- define "oncofhir.egress" }}
{{- range $where := .to }}
- to:
    {{- toYaml $where.to | nindent 4 }}
  ports:
    {{- range $port := $where.ports }}
    - {protocol: TCP, port: {{ int $port }}}
    {{- if $where.udp }}
    - {protocol: UDP, port: {{ int $port }}}
    {{- end }}
    {{- end }}
{{- end }}
{{- end }}

{{/* Used by network-policy.yaml. */}}
{{- define "oncofhir.portOf" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- if $port -}}{{ $port }}{{- else -}}{{ ternary "443" "80" (eq $url.scheme "https") }}{{- end -}}
{{- end }}

{{/* Used by strimzi.yaml. */}}
{{- define "oncofhir.topicAcl" }}
- resource: {type: topic, name: {{ .topic }}, patternType: literal}
  operations: [{{ .operation }}, Describe]
  host: "*"
{{- end }}

{{/*
Used by worker.yaml. The number of workers; nothing where an autoscaler decides and no Deployment is
there yet. To leave the number out of an upgrade would set it to 1, whatever the autoscaler had
chosen, and end the workers above that: the live number is kept.
*/}}
{{- define "oncofhir.workerReplicas" -}}
{{- if eq .Values.autoscaling.kind "none" -}}
{{- .Values.worker.replicas -}}
{{- else -}}
{{- $live := lookup "apps/v1" "Deployment" .Release.Namespace (printf "%s-worker" (include "oncofhir.fullname" .)) -}}
{{- dig "spec" "replicas" "" $live -}}
{{- end -}}
{{- end }}

{{/* Used by topics-job.yaml: whether the Job makes the topics, or Strimzi does. */}}
{{- define "oncofhir.topicsByJob" -}}
{{- if and .Values.topicsJob.enabled (not (and .Values.strimzi.enabled .Values.strimzi.topics)) -}}true{{- end -}}
{{- end }}

{{/* Used by topics-job.yaml. */}}
{{- define "oncofhir.topicsPod" }}
{{- $labels := dict "root" . "component" "topics" }}
{{- $files := include "oncofhir.kafkaFiles" (dict "root" . "own" dict "user" "") | fromYamlArray }}
metadata:
  labels:
    {{- include "oncofhir.labels" $labels | nindent 4 }}
spec:
  {{- include "oncofhir.podBase" . | nindent 2 }}
  restartPolicy: OnFailure
  containers:
    - name: topics
      image: {{ include "oncofhir.image" (dict "root" . "image" .Values.image) }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [topics, ensure, "--partitions={{ .Values.kafka.partitions }}", "--replication-factor={{ .Values.kafka.replicationFactor }}"]
      terminationMessagePolicy: FallbackToLogsOnError
      envFrom:
        - configMapRef:
            name: {{ include "oncofhir.fullname" . }}
      resources:
        {{- toYaml .Values.topicsJob.resources | nindent 8 }}
      securityContext:
        {{- include "oncofhir.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        {{- include "oncofhir.fileMounts" $files | trim | nindent 8 }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 64Mi}
    {{- include "oncofhir.fileVolumes" $files | trim | nindent 4 }}
{{- end }}

{{/* Used by worker-scaling.yaml. */}}
{{- define "oncofhir.scaleDown" }}
# Every change of the group costs work in flight: down slowly, one worker at a time.
scaleDown:
  stabilizationWindowSeconds: {{ .Values.autoscaling.scaleDownStabilizationSeconds }}
  policies:
    - {type: Pods, value: 1, periodSeconds: 120}
{{- end }}

{{/* Used by worker-scaling.yaml. */}}
{{- define "oncofhir.kedaSasl" -}}
{{- if not (hasPrefix "SASL_" .securityProtocol) -}}none
{{- else -}}{{ get (dict "PLAIN" "plaintext" "SCRAM-SHA-256" "scram_sha256" "SCRAM-SHA-512" "scram_sha512") .sasl.mechanism }}
{{- end -}}
{{- end }}
