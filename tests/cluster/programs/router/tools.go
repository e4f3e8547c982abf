// Package router pins kube-router, which enforces network policies in the test cluster. Versions that the
// Go proxy lists have known flaws: it is for a test on this machine only.
package router

import _ "github.com/cloudnativelabs/kube-router/v2/pkg/cmd"
