{{/* Used by backfill-job.yaml. */}}
{{- define "oncofhir.backfillPod" }}
{{- $labels := dict "root" . "component" "backfill" }}
{{- $b := .Values.backfill }}
{{- $kafka := include "oncofhir.kafkaFiles" (dict "root" . "own" $b.kafka "user" "-backfill") }}
{{- $files := printf "%s%s" $kafka (include "oncofhir.fhirFiles" .) | fromYamlArray }}
metadata:
  labels:
    {{- include "oncofhir.labels" $labels | nindent 4 }}
    {{- with $b.podLabels }}
    {{- tpl (toYaml .) $ | nindent 4 }}
    {{- end }}
  {{- with $b.podAnnotations }}
  annotations:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
spec:
  {{- include "oncofhir.podBase" . | nindent 2 }}
  restartPolicy: Never
  {{- with include "oncofhir.scheduling" (dict "root" . "spec" $b) | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  containers:
    - name: backfill
      image: {{ include "oncofhir.image" (dict "root" . "image" .Values.image) }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: {{ concat (list "backfill") $b.arguments | toJson }}
      # The state file lies in the working directory; its name follows from the source and the topics.
      workingDir: /var/lib/oncofhir
      terminationMessagePolicy: FallbackToLogsOnError
      envFrom:
        - configMapRef:
            name: {{ include "oncofhir.fullname" . }}
      {{- with $b.kafka.username }}
      env:
        - {name: ONCOFHIR_KAFKA__SASL_USERNAME, value: {{ . | quote }}}
      {{- end }}
      resources:
        {{- toYaml $b.resources | nindent 8 }}
      securityContext:
        {{- include "oncofhir.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        - name: state
          mountPath: /var/lib/oncofhir
        {{- if $b.filesClaim }}
        - name: exports
          mountPath: /exports
          readOnly: true
        {{- end }}
        {{- include "oncofhir.fileMounts" $files | trim | nindent 8 }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 64Mi}
    - name: state
      persistentVolumeClaim: {claimName: {{ $b.stateClaim }}}
    {{- with $b.filesClaim }}
    - name: exports
      persistentVolumeClaim: {claimName: {{ . }}, readOnly: true}
    {{- end }}
    {{- include "oncofhir.fileVolumes" $files | trim | nindent 4 }}
{{- end }}

{{/* Used by _refusals.tpl. */}}
{{- define "oncofhir.backfillRefusals" -}}
{{- $v := .Values -}}
{{- $b := $v.backfill -}}
{{- if $b.enabled }}
{{- if not (or (include "oncofhir.backfillTopic" (list $v.kafka.topics "diagnosticReport")) (include "oncofhir.backfillTopic" (list $v.kafka.topics "documentReference"))) }}
{{- fail "backfill has no topic to publish to: set kafka.topics.diagnosticReportBackfill and kafka.topics.documentReferenceBackfill, or one of them" }}
{{- end }}
{{- if not (has (first $b.arguments) (list "files" "export" "search")) }}
{{- fail "backfill.arguments names no source: begin with files, export or search, as in [search, \"DiagnosticReport?category=PAT\"]" }}
{{- end }}
{{- if has "--dry-run" $b.arguments }}
{{- fail "backfill.arguments has --dry-run, which publishes nothing: leave it out, or run it by hand ('kubectl exec deployment/RELEASE-worker -- oncofhir backfill ... --dry-run')" }}
{{- end }}
{{- if not $b.stateClaim }}
{{- fail "backfill.stateClaim is empty, so a restart would publish everything once more: create a PersistentVolumeClaim and name it there" }}
{{- end }}
{{- if and (eq (first $b.arguments) "files") (not $b.filesClaim) }}
{{- fail "backfill.arguments reads files but backfill.filesClaim is empty: name the PersistentVolumeClaim that holds them; it is mounted at /exports" }}
{{- end }}
{{- end }}
{{- end }}
