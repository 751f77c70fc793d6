"""Notify: every message a row before it is sent, every attempt and receipt a row after."""
