{{/* The settings of the review page alone; review.env adds any other setting. */}}
{{- define "oncofhir.reviewEnvironment" -}}
{{- $r := .Values.review -}}
{{- $root := include "oncofhir.fileRoot" . -}}
{{- $env := dict
  "ONCOFHIR_REVIEW__HOST" "0.0.0.0"
  "ONCOFHIR_REVIEW__PORT" $r.port
  "ONCOFHIR_REVIEW__PUBLIC_URL" $r.publicUrl
  "ONCOFHIR_REVIEW__OIDC_ISSUER" $r.oidc.issuer
  "ONCOFHIR_REVIEW__OIDC_CLIENT_ID" $r.oidc.clientId
  "ONCOFHIR_REVIEW__OIDC_CLIENT_SECRET_FILE" (ternary (printf "%s/review-oidc/secret" $root) "" (ne $r.oidc.clientSecret.name ""))
  "ONCOFHIR_REVIEW__ROLE_CLAIM" $r.oidc.roleClaim
  "ONCOFHIR_REVIEW__SMART_ISSUERS" $r.smart.issuers
  "ONCOFHIR_REVIEW__SMART_CLIENT_ID" $r.smart.clientId
  "ONCOFHIR_REVIEW__SMART_CLIENT_SECRET_FILE" (ternary (printf "%s/review-smart/secret" $root) "" (ne $r.smart.clientSecret.name ""))
  "ONCOFHIR_REVIEW__SMART_ROLE" $r.smart.role
  "ONCOFHIR_REVIEW__SESSION_KEY_FILE" (printf "%s/review-session/key" $root)
  "ONCOFHIR_WORKLIST__INDEX_FILE" "/var/lib/oncofhir/index.sqlite"
-}}
{{- range $name, $value := $r.env }}
{{- $_ := set $env $name $value }}
{{- end }}
{{- range $name, $value := $env }}
{{- if ne (toString $value) "" }}
{{ $name }}: {{ $value | toString | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "oncofhir.reviewFiles" -}}
{{- $r := .Values.review -}}
{{- include "oncofhir.kafkaFiles" (dict "root" . "own" dict "user" "") }}
{{- include "oncofhir.fhirFiles" . }}
{{- if $r.oidc.clientSecret.name }}
- name: review-oidc
  secret: {{ $r.oidc.clientSecret.name }}
  items: [{key: {{ $r.oidc.clientSecret.key }}, path: secret}]
{{- end }}
{{- if $r.smart.clientSecret.name }}
- name: review-smart
  secret: {{ $r.smart.clientSecret.name }}
  items: [{key: {{ $r.smart.clientSecret.key }}, path: secret}]
{{- end }}
- name: review-session
  secret: {{ $r.sessionKeySecret.name }}
  items: [{key: {{ $r.sessionKeySecret.key }}, path: key}]
{{- end }}

{{/* Used by _refusals.tpl. */}}
{{- define "oncofhir.reviewRefusals" -}}
{{- $v := .Values -}}
{{- $r := $v.review -}}
{{- if $r.enabled }}
{{- if not (or $r.oidc.issuer $r.smart.issuers) }}
{{- fail "nobody could log in to the review page: set review.oidc.issuer or review.smart.issuers" }}
{{- end }}
{{- if and $r.oidc.issuer (not $r.oidc.clientId) }}
{{- fail "review.oidc is incomplete: set review.oidc.clientId" }}
{{- end }}
{{- if and $r.smart.issuers (not $r.smart.clientId) }}
{{- fail "review.smart is incomplete: set review.smart.clientId" }}
{{- end }}
{{- if not $r.publicUrl }}
{{- fail "review.publicUrl is empty, and browsers come back to it after a login: set it to the page's https URL" }}
{{- end }}
{{- if and (not (hasPrefix "https://" $r.publicUrl)) (not (has "review" $v.allowPlaintext)) }}
{{- fail "reports would reach browsers unencrypted: set review.publicUrl to an https URL, or add review to allowPlaintext for trying" }}
{{- end }}
{{- if not $r.sessionKeySecret.name }}
{{- fail "review.sessionKeySecret.name is empty, so every restart would end all sessions: make a Secret with the output of 'openssl rand -base64 48'" }}
{{- end }}
{{- if eq $v.fhir.write "shadow" }}
{{- fail "fhir.write is shadow, so there are no findings in the FHIR server to review: set review.enabled to false" }}
{{- end }}
{{- if and $v.networkPolicy.enabled (or (not $r.from) (not $r.to)) }}
{{- fail "review.from or review.to is empty, so the policy would keep browsers out, or the page from the login service: name the ingress controller in review.from and the login services in review.to, or set networkPolicy.enabled to false" }}
{{- end }}
{{- range $name, $_ := $r.env }}
{{- if not (regexMatch "^ONCOFHIR_[A-Z_0-9]+$" $name) }}
{{- fail (printf "review.env.%s is no setting of oncofhir: use a name that 'oncofhir config show' lists" $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
