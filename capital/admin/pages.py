"""Every page of the admin: importing this registers them. Each module is one kind of row."""

from capital.admin import accounts as accounts
from capital.admin import capital as capital
from capital.admin import devices as devices
from capital.admin import jobs as jobs
from capital.admin import links as links
from capital.admin import markets as markets
from capital.admin import positions as positions
from capital.admin import runs as runs
from capital.admin import strategies as strategies
from capital.admin import summaries as summaries
from capital.admin import tokens as tokens
from capital.admin import users as users
from capital.admin import webhooks as webhooks
