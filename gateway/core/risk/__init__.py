"""Owns how suspicious a login is: what is known of it, what is remembered of the person, the score and its reasons."""
