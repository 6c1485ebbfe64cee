#!/bin/sh
# Writes review.md as a comment of a pull request, over the one that an earlier run has written.
# Needs gh with GH_TOKEN (pull-requests: write), GITHUB_REPOSITORY and PULL_REQUEST.
set -eu

marker=$(head -n 1 review.md)
export marker
# Only what this workflow itself has written: anybody may begin a comment with the marker.
id=$(gh api --paginate "repos/$GITHUB_REPOSITORY/issues/$PULL_REQUEST/comments" \
	--jq '.[] | select(.user.login == "github-actions[bot]") | select(.body | startswith(env.marker)) | .id' |
	head -n 1)
if [ -n "$id" ]; then
	gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" -F body=@review.md >/dev/null
else
	gh api --method POST "repos/$GITHUB_REPOSITORY/issues/$PULL_REQUEST/comments" -F body=@review.md >/dev/null
fi
