{{/* The settings of the bridge alone; bridge.env adds any other setting. */}}
{{- define "oncofhir.bridgeEnvironment" -}}
{{- $b := .Values.bridge -}}
{{- $root := include "oncofhir.fileRoot" . -}}
{{- $env := dict
  "ONCOFHIR_BRIDGE__PORT" $b.port
  "ONCOFHIR_BRIDGE__URL" $b.url
  "ONCOFHIR_BRIDGE__SUBSCRIPTIONS" $b.subscriptions
  "ONCOFHIR_BRIDGE__SECRET_FILE" (ternary (printf "%s/bridge-secret/secret" $root) "" (ne $b.secret.name ""))
  "ONCOFHIR_BRIDGE__SECRET_HEADER" $b.secret.header
  "ONCOFHIR_BRIDGE__OAUTH_ISSUER" $b.oauth.issuer
  "ONCOFHIR_BRIDGE__OAUTH_AUDIENCE" $b.oauth.audience
  "ONCOFHIR_BRIDGE__OAUTH_SCOPE" $b.oauth.scope
  "ONCOFHIR_BRIDGE__OAUTH_JWKS_URL" $b.oauth.jwksUrl
  "ONCOFHIR_BRIDGE__TLS_CERT_FILE" (ternary (printf "%s/bridge-tls/tls.crt" $root) "" (ne $b.tls.secret.name ""))
  "ONCOFHIR_BRIDGE__TLS_KEY_FILE" (ternary (printf "%s/bridge-tls/tls.key" $root) "" (ne $b.tls.secret.name ""))
  "ONCOFHIR_BRIDGE__TLS_CLIENT_CA_FILE" (ternary (printf "%s/bridge-client-ca/ca.crt" $root) "" (ne $b.tls.clientCaSecret.name ""))
  "ONCOFHIR_KAFKA__SASL_USERNAME" $b.kafka.username
-}}
{{- if $b.mllp.enabled }}
{{- $_ := set $env "ONCOFHIR_MLLP__PORT" $b.mllp.port }}
{{- if $b.mllp.tls.secret.name }}
{{- $_ := set $env "ONCOFHIR_MLLP__TLS_CERT_FILE" (printf "%s/mllp-tls/tls.crt" $root) }}
{{- $_ := set $env "ONCOFHIR_MLLP__TLS_KEY_FILE" (printf "%s/mllp-tls/tls.key" $root) }}
{{- end }}
{{- if $b.mllp.tls.clientCaSecret.name }}
{{- $_ := set $env "ONCOFHIR_MLLP__TLS_CLIENT_CA_FILE" (printf "%s/mllp-client-ca/ca.crt" $root) }}
{{- end }}
{{- end }}
{{- range $name, $value := $b.env }}
{{- $_ := set $env $name $value }}
{{- end }}
{{- range $name, $value := $env }}
{{- if ne (toString $value) "" }}
{{ $name }}: {{ $value | toString | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "oncofhir.bridgeFiles" -}}
{{- $b := .Values.bridge -}}
{{- include "oncofhir.kafkaFiles" (dict "root" . "own" $b.kafka "user" "-bridge") }}
{{- if $b.http }}
{{- include "oncofhir.fhirFiles" . }}
{{- end }}
{{- if $b.secret.name }}
- name: bridge-secret
  secret: {{ $b.secret.name }}
  items: [{key: {{ $b.secret.key }}, path: secret}]
{{- end }}
{{- if $b.tls.secret.name }}
- name: bridge-tls
  secret: {{ $b.tls.secret.name }}
  items: [{key: {{ $b.tls.secret.certificateKey }}, path: tls.crt}, {key: {{ $b.tls.secret.keyKey }}, path: tls.key}]
{{- end }}
{{- if $b.tls.clientCaSecret.name }}
- name: bridge-client-ca
  secret: {{ $b.tls.clientCaSecret.name }}
  items: [{key: {{ $b.tls.clientCaSecret.key }}, path: ca.crt}]
{{- end }}
{{- if $b.mllp.enabled }}
{{- if $b.mllp.tls.secret.name }}
- name: mllp-tls
  secret: {{ $b.mllp.tls.secret.name }}
  items: [{key: {{ $b.mllp.tls.secret.certificateKey }}, path: tls.crt}, {key: {{ $b.mllp.tls.secret.keyKey }}, path: tls.key}]
{{- end }}
{{- if $b.mllp.tls.clientCaSecret.name }}
- name: mllp-client-ca
  secret: {{ $b.mllp.tls.clientCaSecret.name }}
  items: [{key: {{ $b.mllp.tls.clientCaSecret.key }}, path: ca.crt}]
{{- end }}
{{- end }}
{{- end }}

{{/*
Whoever comes through a node keeps its address; else the policy would see the node's, and keep senders out that it
names by address.
*/}}
{{- define "oncofhir.keepClientAddress" -}}
{{- if ne .type "ClusterIP" -}}
externalTrafficPolicy: Local
{{- end }}
{{- end }}

{{/* Used by _refusals.tpl. */}}
{{- define "oncofhir.bridgeRefusals" -}}
{{- $v := .Values -}}
{{- $b := $v.bridge -}}
{{- if $b.enabled }}
{{- if not (or $b.http $b.mllp.enabled) }}
{{- fail "the bridge would listen for nothing: set bridge.http or bridge.mllp.enabled, or set bridge.enabled to false" }}
{{- end }}
{{- include "oncofhir.mllpRefusals" . }}
{{- range $name, $_ := $b.env }}
{{- if not (regexMatch "^ONCOFHIR_[A-Z_0-9]+$" $name) }}
{{- fail (printf "bridge.env.%s is no setting of oncofhir: use a name that 'oncofhir config show' lists" $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $b.enabled $b.http }}
{{- $anonymous := eq (get $b.env "ONCOFHIR_BRIDGE__ALLOW_ANONYMOUS") "true" }}
{{- if not (or $b.secret.name $b.oauth.jwksUrl $b.tls.clientCaSecret.name $anonymous) }}
{{- fail "the bridge has no authentication: set bridge.secret.name, bridge.oauth or bridge.tls.clientCaSecret.name" }}
{{- end }}
{{- if and (not $b.tls.secret.name) (not (has "bridge" $v.allowPlaintext)) }}
{{- fail "notifications with reports would reach the bridge unencrypted: set bridge.tls.secret.name, or add bridge to allowPlaintext if a gateway or the network itself encrypts" }}
{{- end }}
{{- if and $b.tls.clientCaSecret.name (not $b.tls.secret.name) }}
{{- fail "bridge.tls.clientCaSecret demands client certificates, which need TLS: set bridge.tls.secret.name" }}
{{- end }}
{{- if has (len (compact (list $b.oauth.issuer $b.oauth.audience $b.oauth.jwksUrl))) (list 1 2) }}
{{- fail "bridge.oauth is incomplete: set bridge.oauth.issuer, bridge.oauth.audience and bridge.oauth.jwksUrl, or empty bridge.oauth" }}
{{- end }}
{{- if and $v.networkPolicy.enabled (not $b.from) }}
{{- fail "bridge.from is empty, so the policy would keep the FHIR server out: name what may notify (namespaceSelector, podSelector or ipBlock), or set networkPolicy.enabled to false" }}
{{- end }}
{{- if and $v.networkPolicy.enabled $b.oauth.jwksUrl (not $b.oauth.to) }}
{{- fail "bridge.oauth.to is empty, so the policy would cut the bridge off from the keys of the issuer: name its pods or addresses" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "oncofhir.mllpRefusals" -}}
{{- $v := .Values -}}
{{- $m := $v.bridge.mllp -}}
{{- if $m.enabled }}
{{- if and (not $m.tls.clientCaSecret.name) (ne (get $v.bridge.env "ONCOFHIR_MLLP__ALLOW_ANONYMOUS") "true") }}
{{- fail "MLLP has no authentication: set bridge.mllp.tls.secret.name and bridge.mllp.tls.clientCaSecret.name, or set ONCOFHIR_MLLP__ALLOW_ANONYMOUS to \"true\" in bridge.env where only senders reach the port" }}
{{- end }}
{{- if and (not $m.tls.secret.name) (not (has "mllp" $v.allowPlaintext)) }}
{{- fail "HL7 v2 messages with reports would reach the bridge unencrypted: set bridge.mllp.tls.secret.name, or add mllp to allowPlaintext if the network itself encrypts" }}
{{- end }}
{{- if and $m.tls.clientCaSecret.name (not $m.tls.secret.name) }}
{{- fail "bridge.mllp.tls.clientCaSecret demands client certificates, which need TLS: set bridge.mllp.tls.secret.name" }}
{{- end }}
{{- if and $v.networkPolicy.enabled (not $m.from) }}
{{- fail "bridge.mllp.from is empty, so the policy would keep the senders out: name what may send (namespaceSelector, podSelector or ipBlock), or set networkPolicy.enabled to false" }}
{{- end }}
{{- end }}
{{- end }}
