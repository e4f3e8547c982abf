{{/*
Secrets that a pod mounts as files, as a YAML list of {name, secret, items: [{key, path}]}.
Whole volumes and no subPath, so that a rotated secret is seen without a restart.
*/}}
{{- define "oncofhir.kafkaFiles" -}}
{{- $k := .root.Values.kafka -}}
{{- $own := default dict .own -}}
{{- $strimzi := .root.Values.strimzi -}}
{{- if hasPrefix "SASL_" $k.securityProtocol }}
{{- $password := ternary $own.passwordSecret $k.sasl.passwordSecret (ne (dig "passwordSecret" "name" "" $own) "") }}
- name: kafka-password
  secret: {{ $password.name }}
  items: [{key: {{ $password.key }}, path: password}]
{{- end }}
{{- if hasSuffix "SSL" $k.securityProtocol }}
{{- if $k.tls.caSecret.name }}
- name: kafka-ca
  secret: {{ $k.tls.caSecret.name }}
  items: [{key: {{ $k.tls.caSecret.key }}, path: ca.crt}]
{{- else if $strimzi.enabled }}
- name: kafka-ca
  secret: {{ $strimzi.cluster }}-cluster-ca-cert
  items: [{key: ca.crt, path: ca.crt}]
{{- end }}
{{- $client := ternary $own.clientSecret $k.tls.clientSecret (ne (dig "clientSecret" "name" "" $own) "") }}
{{- if $client.name }}
- name: kafka-client
  secret: {{ $client.name }}
  items: [{key: {{ $client.certificateKey }}, path: tls.crt}, {key: {{ $client.keyKey }}, path: tls.key}]
{{- else if $strimzi.enabled }}
- name: kafka-client
  secret: {{ include "oncofhir.fullname" .root }}{{ .user }}
  items: [{key: user.crt, path: tls.crt}, {key: user.key, path: tls.key}]
{{- end }}
{{- end }}
{{- end }}

{{- define "oncofhir.fhirFiles" -}}
{{- range $name, $ref := dict "fhir-token" .Values.fhir.tokenSecret "fhir-source-token" .Values.fhir.sourceTokenSecret }}
{{- if $ref.name }}
- name: {{ $name }}
  secret: {{ $ref.name }}
  items: [{key: {{ $ref.key }}, path: token}]
{{- end }}
{{- end }}
{{- with .Values.fhir.smart.privateKeySecret }}
{{- if .name }}
- name: fhir-key
  secret: {{ .name }}
  items: [{key: {{ .key }}, path: private-key}]
{{- end }}
{{- end }}
{{- with .Values.fhir.caSecret }}
{{- if .name }}
- name: fhir-ca
  secret: {{ .name }}
  items: [{key: {{ .key }}, path: ca.crt}]
{{- end }}
{{- end }}
{{- end }}

{{- define "oncofhir.modelFiles" -}}
{{- $m := .Values.model -}}
{{- if include "oncofhir.modelServer" . }}
{{- if $m.server.tls.secretName }}
- name: model-ca
  secret: {{ $m.server.tls.secretName }}
  items: [{key: {{ $m.server.tls.caKey }}, path: ca.crt}]
{{- end }}
{{- else }}
{{- if $m.external.tokenSecret.name }}
- name: model-token
  secret: {{ $m.external.tokenSecret.name }}
  items: [{key: {{ $m.external.tokenSecret.key }}, path: token}]
{{- end }}
{{- if $m.external.caSecret.name }}
- name: model-ca
  secret: {{ $m.external.caSecret.name }}
  items: [{key: {{ $m.external.caSecret.key }}, path: ca.crt}]
{{- end }}
{{- end }}
{{- end }}

{{/* Where the files of a volume are. */}}
{{- define "oncofhir.fileRoot" -}}/etc/oncofhir/secrets{{- end }}

{{- define "oncofhir.fileVolumes" -}}
{{- range . }}
- name: {{ .name }}
  secret:
    secretName: {{ .secret }}
    defaultMode: 0440
    items:
      {{- toYaml .items | nindent 6 }}
{{- end }}
{{- end }}

{{- define "oncofhir.fileMounts" -}}
{{- range . }}
- name: {{ .name }}
  mountPath: {{ include "oncofhir.fileRoot" $ }}/{{ .name }}
  readOnly: true
{{- end }}
{{- end }}
