"""Suites of questions with expected answers, measures, gates and reports."""
