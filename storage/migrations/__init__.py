"""`NNNN_pre_x.sql` runs before the new code does, `NNNN_post_x.sql` after; an applied file is never edited."""
