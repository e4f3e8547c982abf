"""Who may use the page: logins, roles, sessions, and the audit of every view of a report."""
