"""Alerting: assessments in; alerts, their ledger, API, stream and exports out."""
