# Nobody may have any secret.
package policy

default allow := false
