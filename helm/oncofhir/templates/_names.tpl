{{- define "oncofhir.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "oncofhir.fullname" -}}
{{- $name := include "oncofhir.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* Labels that select the pods of a component; never change between versions of the chart. */}}
{{- define "oncofhir.selector" -}}
app.kubernetes.io/name: {{ include "oncofhir.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "oncofhir.labels" -}}
{{ include "oncofhir.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: oncofhir
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* registry/repository@digest, or :tag; a mirror is named in image.registry and holds for all images. */}}
{{- define "oncofhir.image" -}}
{{- $image := .image -}}
{{- $registry := default .root.Values.image.registry $image.registry -}}
{{- $name := ternary (printf "%s/%s" $registry $image.repository) $image.repository (ne $registry "") -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (default .root.Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end }}

{{/* The most workers there can be. */}}
{{- define "oncofhir.maxWorkers" -}}
{{- if eq .Values.autoscaling.kind "none" -}}{{ .Values.worker.replicas }}{{- else -}}{{ .Values.autoscaling.maxReplicas }}{{- end -}}
{{- end }}

{{- define "oncofhir.modelServer" -}}
{{- if ne .Values.model.kind "external" -}}true{{- end -}}
{{- end }}

{{- define "oncofhir.modelPort" -}}
{{- if .Values.model.server.tls.secretName -}}8443{{- else -}}8000{{- end -}}
{{- end }}

{{- define "oncofhir.modelUrl" -}}
{{- if include "oncofhir.modelServer" . -}}
{{- $scheme := ternary "https" "http" (ne .Values.model.server.tls.secretName "") -}}
{{- printf "%s://%s-model.%s.svc:%s" $scheme (include "oncofhir.fullname" .) .Release.Namespace (include "oncofhir.modelPort" .) -}}
{{- else -}}
{{- .Values.model.external.url -}}
{{- end -}}
{{- end }}

{{- define "oncofhir.modelApi" -}}
{{- if eq .Values.model.kind "tgi" -}}tgi{{- else if eq .Values.model.kind "vllm" -}}openai-completions{{- else -}}{{ .Values.model.external.api }}{{- end -}}
{{- end }}
