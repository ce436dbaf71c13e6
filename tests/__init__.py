"""Tests of Veedor: unit (mirrors the tree), integration (real servers), e2e (the whole system, a real browser)."""
